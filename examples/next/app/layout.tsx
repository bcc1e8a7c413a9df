import type { Metadata } from "next";
import type { ReactNode } from "react";

export const metadata: Metadata = { title: "The Chandlery" };

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <head>
        {/* Metadata is taken out and put back at each page, and meanwhile browsers would ask for /favicon.ico. */}
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>{children}</body>
    </html>
  );
}
