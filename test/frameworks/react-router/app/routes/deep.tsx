import { Outlet, type MiddlewareFunction } from "react-router";
import { handle, key } from "../shared";

/** A middleware below, of which tests say what it does; and the session's own once more. */
export const middleware: MiddlewareFunction<Response>[] = [
  (args, next) => {
    const below = args.context.get(key)?.handlers["deep middleware"];
    return below === undefined ? next() : (below({ ...args, next }) as Promise<Response>);
  },
  (args, next) => args.context.get(key)?.middleware[0]?.(args, next) ?? next(),
];

export const loader = (args: Parameters<typeof handle>[1]) => handle("deep loader", args);

export default function Deep() {
  return <Outlet />;
}
