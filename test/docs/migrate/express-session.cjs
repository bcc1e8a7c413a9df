const express = require("express");
const session = require("holdfast/express-session"); // was: require("express-session")

const app = express();
app.use(
  session({ secret: "keyboard cat", resave: false, saveUninitialized: false, cookie: { maxAge: 3600000 } }),
);
app.get("/", (req, res) => {
  req.session.views = (req.session.views ?? 0) + 1;
  res.send(`You have been here ${req.session.views} times.`);
});
app.post("/logout", (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.redirect("/")));
});

module.exports = app;
