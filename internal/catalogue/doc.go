// Package catalogue owns what all apps together offer: tools, resources,
// templates and prompts, each with the name that clients see and the
// ostiary.Tool that the gates decide on.
//
// It is made anew, whole, whenever an upstream's lists or an operator's
// acceptance change, and swapped in one step; a snapshot never changes. Names
// that are ambiguous are left out and reported, never guessed. The edge
// reads it; it decides nothing.
package catalogue
