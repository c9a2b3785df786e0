package booking

import "time"

// Session is a member of staff who has signed in to the console. The browser holds a random token; what is stored is its
// digest, so that whoever reads the database cannot sign in with what is there.
type Session struct {
	Digest [32]byte // SHA-256 of the token
	Name   string   // who it is, as in the history: the key's name, or the one that the identity provider gave
	Role   string   // viewer, agent or supervisor, as it was at the sign-in
	Key    string   // the hash of the key that was signed in with; empty: an identity provider vouched for them
	Begun  time.Time
	Ends   time.Time
}
