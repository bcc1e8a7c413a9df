// What the suites use of this version, as this project's own code would import it.
import "reflect-metadata";
export * as common from "@nestjs/common";
export * as core from "@nestjs/core";
export * as express from "@nestjs/platform-express";
export * as fastify from "@nestjs/platform-fastify";
export * as microservices from "@nestjs/microservices";
export * as testing from "@nestjs/testing";
export * as rxjs from "rxjs";
export { map } from "rxjs/operators";
export * as holdfast from "holdfast";
export * as adapter from "holdfast/adapters/nestjs";
export * as memory from "holdfast/stores/memory";
export * as contract from "holdfast/testing";
