import { isRouteErrorResponse, useLoaderData, useRouteError } from "react-router";
import { handle } from "../shared";

export const loader = (args: Parameters<typeof handle>[1]) => handle("deeper loader", args);
export const action = (args: Parameters<typeof handle>[1]) => handle("deeper action", args);

export default function Deeper() {
  return <p id="deeper">{JSON.stringify(useLoaderData())}</p>;
}

export function ErrorBoundary() {
  const error = useRouteError();
  return <p id="deeper-error">{isRouteErrorResponse(error) ? `deeper ${error.status}` : "deeper error"}</p>;
}
