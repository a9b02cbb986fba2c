// Whether the page is on a phone, where there is nothing to scan with.

// What the browser says of itself, where it does; or a small screen that fingers alone touch. A touch laptop has a pointer that hovers,
// or, folded, a large screen; a tablet is a screen that a phone can scan. A phone that asks for desktop pages says that it is none,
// and is told by its screen.
export const onPhone = () =>
  navigator.userAgentData?.mobile ||
  (matchMedia('(hover: none) and (pointer: coarse)').matches && Math.min(screen.width, screen.height) < 600);
