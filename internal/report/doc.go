// Package report shows a diagnosis to people and machines: as text for a terminal,
// as JSON, and as one page of HTML.
//
// What comes from the input may be hostile. Text escapes what a terminal would obey,
// JSON and HTML escape by construction: html/template for pages, encoding/json for
// JSON. Nothing here reads or judges anything.
package report
