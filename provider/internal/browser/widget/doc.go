// Package widget is x.
package widget
