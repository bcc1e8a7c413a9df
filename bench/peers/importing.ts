/** `node importing.ts <module>…`, forked: tells how many milliseconds it takes to import them. */
const modules = process.argv.slice(2);
const started = performance.now();
await Promise.all(modules.map((name) => import(name) as Promise<unknown>));
process.send?.(performance.now() - started);
