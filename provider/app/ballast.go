package app

// Ballast is for a process that does nothing but serve a provider to hold on to. Go collects garbage whenever the heap has doubled, and what
// a provider keeps is so little that this would be every few dozen logins: a tenth of all it does. It is address space, not memory, since
// nobody writes to it; but the heap may now grow by so much more before it is looked through.
func Ballast() []byte { return make([]byte, 64<<20) }
