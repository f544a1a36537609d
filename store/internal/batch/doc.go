// Package batch decides many transactions at once, for drivers that commit
// whatever is waiting in one storage transaction. It owns the rules of
// [store.Tx]: which transactions of a batch pass, and what is left to write
// when they have passed. It reads and writes no storage: a driver asks
// [Touch] what to read (and lock), hands it to [Decide] as a [State], and
// writes the [Effects].
package batch
