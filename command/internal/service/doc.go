// Package service is what the command has to do with the service manager of its system: it tells a running server's
// manager how the server is ([Manager]), and writes what a manager has to know to run one ([Unit]).
package service
