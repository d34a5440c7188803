// Package mcptools gives a program that speaks the Model Context Protocol tools to read and change the
// resources under a URL or the files of a directory, so that it loses nobody's update.
//
// Every change names the version that was read, and is made only if that is what is there. If it is not,
// nothing is changed, and the answer is data to go on with: what the change was made from, what is there now,
// what was to be written, and, where the two changes can be brought together, a proposal.
//
// The server keeps what it has shown lately, within bounds, for that proposal. It keeps nothing else: a version
// stays good when the server is started anew.
package mcptools
