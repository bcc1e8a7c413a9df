import { sessions } from "../utils/sessions.ts";

export default defineNitroPlugin(sessions.plugin);
