import "reflect-metadata";
import { NestFactory } from "@nestjs/core";
import { ExpressAdapter } from "@nestjs/platform-express";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import { AppModule } from "./app.module.js";
import { storeUrl } from "./sessions.js";

// The shop knows nothing of the platform it is on: `PLATFORM=fastify npm start`.
const platform = process.env["PLATFORM"] === "fastify" ? new FastifyAdapter() : new ExpressAdapter();
const app = await NestFactory.create(AppModule, platform, {
  logger: ["error", "warn"],
  forceCloseConnections: true,
});
app.enableShutdownHooks(["SIGINT", "SIGTERM"]);

await app.listen(Number(process.env["PORT"] ?? 3000), "localhost");
const { port } = new URL(await app.getUrl());
console.log(`The Chandlery is open: http://localhost:${port}/`);
console.log(`Sessions are in ${storeUrl().shown}. Stop with Ctrl+C and start again: they stay.`);
