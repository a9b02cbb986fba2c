// Command bundle makes ../widget.js out of ../src, one script module, minified. It is run by go generate in the folder of package
// widget, and the same sources give the same bytes: esbuild is pinned by go.mod, the QR encoder by package-lock.json.
package main
