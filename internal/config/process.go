package config

import "github.com/ostiary/ostiary"

// An Env looks a variable up, as os.LookupEnv does. Only this package asks it.
type Env func(name string) (string, bool)

// Process is what the gateway has of the process it runs in and not of the file.
type Process struct {
	// Key is the master keyset itself (OSTIARY_KEY); empty when Storage.KeyFile
	// holds it.
	Key ostiary.Secret
	// Path and Home are all of the gateway's environment that a stdio child sees.
	Path, Home string
	// Watchdog starts this program as the watchdog over stdio children. It is
	// set by the program that can be started so; empty: nobody watches.
	Watchdog []string
}

func processOf(env Env) Process {
	return Process{
		Key:  ostiary.Secret(value(env, "OSTIARY_KEY")),
		Path: value(env, "PATH"),
		Home: value(env, "HOME"),
	}
}

// A Remote is the running gateway that commands act on. An empty field was said
// nowhere.
type Remote struct {
	// URL is its `public_url` (OSTIARY_URL).
	URL string
	// Token is an operator token (OSTIARY_TOKEN).
	Token ostiary.Secret
}

// RemoteOf reads from the environment which gateway commands act on. A url that
// is not empty comes from the command line and wins.
func RemoteOf(url string, env Env) Remote {
	if url == "" {
		url = value(env, "OSTIARY_URL")
	}
	return Remote{URL: url, Token: ostiary.Secret(value(env, "OSTIARY_TOKEN"))}
}

func value(env Env, name string) string {
	text, _ := env(name)
	return text
}
