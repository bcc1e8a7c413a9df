// Prints where this runtime finds the package.
console.log(import.meta.resolve("holdfast/testing"));
process.exit(0);
