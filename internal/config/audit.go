package config

import "time"

// Audit is the group `audit`.
type Audit struct {
	// A file outside of storage that checkpoints are copied to: what makes a log that
	// was cut short visible.
	File string `yaml:"file"`
	// How often a checkpoint is made.
	CheckpointInterval time.Duration `yaml:"checkpoint_interval" default:"1m" min:"1s"`
	// How arguments are recorded.
	Arguments AuditArguments `yaml:"arguments" default:"digest"`
	// How long sealed arguments and claims are kept for `ostiary policy simulate`;
	// 0s keeps none.
	Replay time.Duration `yaml:"replay" default:"168h" min:"0s"`
	// Which calls wait until their record is durable. `strict`: every call;
	// `writes`: all but reads; `relaxed`: only those that use a grant, a vault
	// credential or a counter.
	Durability Durability `yaml:"durability" default:"strict"`
}

// An AuditArguments is how arguments are recorded.
type AuditArguments string

// The values of `audit.arguments`.
const (
	ArgumentsDigest AuditArguments = "digest"
	ArgumentsFull   AuditArguments = "full"
	ArgumentsNone   AuditArguments = "none"
)

func (AuditArguments) options() []string {
	return texts(ArgumentsDigest, ArgumentsFull, ArgumentsNone)
}

// A Durability is which calls wait for their record.
type Durability string

// The values of `audit.durability`.
const (
	DurabilityStrict  Durability = "strict"
	DurabilityWrites  Durability = "writes"
	DurabilityRelaxed Durability = "relaxed"
)

func (Durability) options() []string {
	return texts(DurabilityStrict, DurabilityWrites, DurabilityRelaxed)
}
