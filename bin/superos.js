#!/usr/bin/env node
// The launcher: checks the Node version, nothing else. Old versions of Node must be able to read this file, so it has old syntax.
var NODE_MAJOR = 26;

if (parseInt(process.versions.node, 10) >= NODE_MAJOR) {
  import('../dist/cli.js');
} else {
  // biome-ignore lint/style/useTemplate: old syntax
  process.stderr.write('superos: Node ' + NODE_MAJOR + ' or later is needed, this is ' + process.versions.node + '\n');
  process.exitCode = 125;
}
