import { sessions } from "../sessions.ts";

export default sessions;
