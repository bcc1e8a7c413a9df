import type { ReactNode } from "react";
import {
  isRouteErrorResponse,
  Links,
  Meta,
  Outlet,
  Scripts,
  ScrollRestoration,
  useRouteLoaderData,
} from "react-router";
import style from "../../shop/style.css?url";
import { CACHE_CONTROL, frameOf } from "../../shop/rules.ts";
import { Facts } from "./parts/facts";
import { Header } from "./parts/header";
import type { Route } from "./+types/root";
import { sessions } from "./sessions.server";

export const middleware: Route.MiddlewareFunction[] = [sessions.middleware];

/** What every page shows around its content. */
export function loader({ request, context }: Route.LoaderArgs) {
  return frameOf(sessions.of(context), request.headers.get("cookie") ?? undefined);
}

/** Every page tells what is in the session, so each one asks anew. */
export const shouldRevalidate = (): boolean => true;

export const headers: Route.HeadersFunction = () => ({ "cache-control": CACHE_CONTROL });

export const links: Route.LinksFunction = () => [
  { rel: "icon", href: "data:," },
  { rel: "stylesheet", href: style },
];

export function Layout({ children }: { readonly children: ReactNode }) {
  const frame = useRouteLoaderData<typeof loader>("root");
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <Meta />
        <Links />
      </head>
      <body>
        <Header user={frame?.user ?? null} />
        <main>
          {frame?.notices.map((notice) => (
            <p key={notice} className="notice" role="status">
              {notice}
            </p>
          ))}
          {children}
        </main>
        <footer>{frame !== undefined && <Facts frame={frame} />}</footer>
        <ScrollRestoration />
        <Scripts />
      </body>
    </html>
  );
}

export default function Shop() {
  return <Outlet />;
}

export function ErrorBoundary({ error }: Route.ErrorBoundaryProps) {
  const status = isRouteErrorResponse(error) ? error.status : 500;
  return (
    <section className="narrow box">
      <h2>{TITLES[status] ?? "Something went wrong"}</h2>
      <p>
        {status === 409 || status === 503 ? "That did not work out. Please try again." : `Error ${status}.`}
      </p>
    </section>
  );
}

const TITLES: Readonly<Record<number, string>> = {
  403: "This form belongs to another site",
  404: "No such page",
  409: "Somebody was quicker",
  503: "The shop is busy",
};
