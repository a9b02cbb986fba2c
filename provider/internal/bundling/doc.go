// Package bundling makes what a browser loads out of sources and npm packages, with esbuild, the same bytes every time: esbuild is
// pinned by go.mod, the packages by a package-lock.json. Its users are the programs that go generate runs; they run in the folder
// where package.json lies. Nothing of it is in the provider.
package bundling
