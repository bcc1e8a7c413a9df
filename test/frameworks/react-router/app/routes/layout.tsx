import { Outlet, useLoaderData } from "react-router";
import { handle } from "../shared";

export const loader = (args: Parameters<typeof handle>[1]) => handle("layout loader", args);

export default function Layout() {
  return (
    <>
      <p id="layout">{JSON.stringify(useLoaderData())}</p>
      <Outlet />
    </>
  );
}
