import { layout, route, type RouteConfig } from "@react-router/dev/routes";

export default [
  layout("routes/layout.tsx", [
    route("app/page", "routes/page.tsx"),
    route("app/deep", "routes/deep.tsx", [route("er", "routes/deeper.tsx")]),
    route("app/late", "routes/late.tsx"),
    route("app/prerendered", "routes/prerendered.tsx"),
    route("app/client", "routes/client.tsx"),
    route("app/legacy", "routes/legacy.tsx"),
    route("app/guarded", "routes/guarded.tsx"),
  ]),
  route("app/resource", "routes/resource.ts"),
  route("*", "routes/contract.ts"),
] satisfies RouteConfig;
