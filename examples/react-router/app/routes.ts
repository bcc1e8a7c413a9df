import { index, route, type RouteConfig } from "@react-router/dev/routes";

export default [
  index("routes/shop.tsx"),
  route("sign-in", "routes/sign-in.tsx"),
  route("sign-out", "routes/sign-out.ts"),
  route("devices", "routes/devices.tsx"),
  route("tide", "routes/tide.tsx"),
  route("hit", "routes/hit.ts"),
  route("hits", "routes/hits.ts"),
  route("slow-note", "routes/slow-note.ts"),
  route("*", "routes/lost.tsx"),
] satisfies RouteConfig;
