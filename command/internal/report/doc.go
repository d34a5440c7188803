// Package report shows a diagnosis, or what a live server was found to do, to people and machines: as text for a
// terminal, as JSON, as one page of HTML, and for CI as JUnit XML and SARIF.
//
// What comes from the input may be hostile. Text escapes what a terminal would obey,
// JSON and HTML escape by construction: html/template for pages, encoding/json for
// JSON, encoding/xml for XML. Nothing here reads or judges anything.
package report
