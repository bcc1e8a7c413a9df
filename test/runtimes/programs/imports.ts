// Imports what its arguments name, and prints the names that each gives, or what went wrong.
const told: Record<string, readonly string[] | string> = {};
for (const specifier of process.argv.slice(2)) {
  told[specifier] = await import(specifier).then(
    (exports: object) => Object.keys(exports).sort(),
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}
console.log(JSON.stringify(told));
process.exit(0);
