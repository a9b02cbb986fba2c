// A shop whose orders name who is logged in sends everybody else to log in first.
addEventListener("qr-error", ({ detail }) => {
  if (detail.status === 401) location.assign("/login");
});
