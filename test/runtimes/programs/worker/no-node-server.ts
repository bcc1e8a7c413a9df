/** Stands in for `@hono/node-server`, which serves on Node alone: in workerd the runtime itself serves. */
export function serve(): never {
  throw new Error("There is no node:http server to serve on.");
}
