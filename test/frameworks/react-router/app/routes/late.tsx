import { Suspense } from "react";
import { Await, useLoaderData } from "react-router";
import { handle } from "../shared";

export const loader = (args: Parameters<typeof handle>[1]) => handle("late loader", args);

export default function Late() {
  const { later } = useLoaderData() as { later: Promise<string> };
  return (
    <Suspense fallback={<p>waiting</p>}>
      <Await resolve={later} errorElement={<p>it failed</p>}>
        {(value: string) => <p id="later">{value}</p>}
      </Await>
    </Suspense>
  );
}
