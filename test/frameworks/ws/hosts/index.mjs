// What the suite uses of what makes a WebSocketServer of its own, as this project's own code would import it.
export { default as websocket } from "@fastify/websocket";
export { serve } from "@hono/node-server";
export { createNodeWebSocket } from "@hono/node-ws";
export { default as express } from "express";
export { default as expressWs } from "express-ws";
export { default as fastify } from "fastify";
export { Hono } from "hono";
