import { data } from "react-router";

/** At an address without a route no middleware and no loader runs. With this one the page knows who is aboard. */
export function loader() {
  throw data(null, { status: 404 });
}

export default function Lost() {
  return null;
}
