import { unstable_cache } from "next/cache";
import { sessions } from "../../../lib/sessions.js";

const cached = unstable_cache(async () => (await sessions().read()).user, ["user"]);

export default async function Page() {
  let told = "nothing";
  try {
    told = `user ${await cached()}`;
  } catch (error) {
    told = error.message;
  }
  return <p>{`told: ${told}`}</p>;
}
