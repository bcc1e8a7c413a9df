// Imports what its arguments name, and prints the names that each gives.
const names: Record<string, readonly string[]> = {};
for (const specifier of process.argv.slice(2)) {
  const exports = (await import(specifier)) as object;
  names[specifier] = Object.keys(exports).sort();
}
console.log(JSON.stringify(names));
process.exit(0);
