import type { ReactNode } from "react";
import {
  isRouteErrorResponse,
  Links,
  Meta,
  type MiddlewareFunction,
  Outlet,
  Scripts,
  useRouteError,
} from "react-router";
import { handle, key } from "./shared";

/** The middleware of the test: as many as it has, at most two. */
const nth =
  (index: number): MiddlewareFunction<Response> =>
  (args, next) =>
    args.context.get(key)?.middleware[index]?.(args, next) ?? next();

export const middleware: MiddlewareFunction<Response>[] = [nth(0), nth(1), nth(2)];

export const loader = (args: Parameters<typeof handle>[1]) => handle("root loader", args);

export const headers = ({ loaderHeaders }: { loaderHeaders: Headers }): Headers => loaderHeaders;

export function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <head>
        <Meta />
        <Links />
      </head>
      <body>
        {children}
        <Scripts />
      </body>
    </html>
  );
}

export default function Root() {
  return <Outlet />;
}

export function ErrorBoundary() {
  const error = useRouteError();
  if (isRouteErrorResponse(error))
    return <p id="root-error">{`root ${error.status} ${error.statusText}: ${String(error.data)}`}</p>;
  return <p id="root-error">root {error instanceof Error ? error.message : "?"}</p>;
}
