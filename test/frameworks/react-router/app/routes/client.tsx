import { type ClientLoaderFunctionArgs, useLoaderData } from "react-router";
import { handle } from "../shared";

export const loader = (args: Parameters<typeof handle>[1]) => handle("client loader", args);

export async function clientLoader({ serverLoader }: ClientLoaderFunctionArgs) {
  return await serverLoader();
}

export default function Client() {
  return <p id="client">{JSON.stringify(useLoaderData())}</p>;
}
