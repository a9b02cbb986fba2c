// Command bundle makes ../app.js, ../app.css, ../decoder.js out of ../src, and the icons of a drawing. It is run by go generate in the folder of package
// webphone, and the same sources give the same bytes.
package main
