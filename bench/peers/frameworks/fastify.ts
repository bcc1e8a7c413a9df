import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { AddressInfo } from "node:net";
import { type Framework, ROUTES, sizesOf, type Work } from "../handlers/handlers.ts";

export interface FastifyContext {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** Fastify 5 as it is by default. @param prepare registers what stands before the handlers. */
export function onFastify(
  prepare: (app: FastifyInstance) => Promise<unknown> = async () => {},
): Framework<FastifyContext> {
  return {
    async serve(handlers) {
      const app = fastify();
      await prepare(app);
      for (const [work, method] of Object.entries(ROUTES) as [Work, "GET" | "POST"][])
        app.route({
          method,
          url: `/${work}`,
          handler(request, reply) {
            const [bytes, fields] = work === "prepare" ? sizesOf(request.url) : [0, 0];
            const answer = handlers[work]({ request, reply }, bytes, fields);
            reply.type("text/plain");
            if (typeof answer !== "string") return answer;
            reply.send(answer);
          },
        });
      app.setErrorHandler((error, _request, reply) => {
        console.error(error);
        return reply.code(500).send();
      });
      await app.listen({ host: "127.0.0.1", port: 0 });
      return (app.server.address() as AddressInfo).port;
    },
    cookies: ({ request }) => request.headers.cookie ?? "",
    setCookie: ({ reply }, cookie) => void reply.header("set-cookie", cookie),
  };
}
