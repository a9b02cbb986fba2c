//go:build unix

package app

import "syscall"

// otherFiles is left for stores, places and what is fetched.
const otherFiles = 256

// connections is how many connections there may be where so many are wanted: no more than the process may have files, since a store that
// can open none is the end of every login.
func connections(wanted int) int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || uint64(files.Cur) > mostAtOnce { //nolint:unconvert // signed on some systems
		return wanted
	}
	return min(wanted, max(1, int(files.Cur)-otherFiles))
}
