export { GET } from "../../own/api/route.js";
