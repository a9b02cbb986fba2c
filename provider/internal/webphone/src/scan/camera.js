// The camera on the back of the phone.

/** Why there is no camera: 'refused', 'none', 'busy', 'insecure'. */
export class NoCamera extends Error {}

const reasons = { NotAllowedError: 'refused', SecurityError: 'refused', NotFoundError: 'none', OverconstrainedError: 'none' };

/**
 * Opens the camera and shows it. A signal that has been given ends it, also while the person is still being asked.
 * @param {HTMLVideoElement} video @param {AbortSignal} signal
 */
export async function openCamera(video, signal) {
  if (!navigator.mediaDevices?.getUserMedia) throw new NoCamera('insecure');
  let stream;
  try {
    // 720 lines hold a code that fills a quarter of the picture; more of them cost more to look through.
    stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: { ideal: 'environment' }, width: { ideal: 1280 }, height: { ideal: 720 } },
    });
  } catch (error) {
    throw new NoCamera(reasons[error.name] ?? 'busy');
  }
  const [track] = stream.getVideoTracks();
  const close = () => {
    track.stop();
    video.srcObject = null;
  };
  if (signal.aborted) return close();
  signal.addEventListener('abort', close, { once: true });
  track.addEventListener('ended', () => video.dispatchEvent(new Event('lost')), { signal }); // another program has it now
  video.srcObject = stream;
  await video.play().catch(() => {}); // ended while it began
  return track;
}

/** Whether there is a torch. @param {MediaStreamTrack} track */
export const hasTorch = (track) => Boolean(track.getCapabilities?.().torch);

/** @param {MediaStreamTrack} track @param {boolean} on */
export const torch = (track, on) => track.applyConstraints({ advanced: [{ torch: on }] });

/** Resolves when the video has a picture that was not looked at. @param {HTMLVideoElement} video */
export const nextPicture = (video) =>
  new Promise((resolve) => (video.requestVideoFrameCallback ? video.requestVideoFrameCallback(resolve) : requestAnimationFrame(resolve)));

/**
 * The part of the video, in its own pixels, that is seen in the finder and a little around it. The video covers its place.
 * @param {HTMLVideoElement} video @param {Element} finder
 */
export function within(video, finder) {
  const { videoWidth: width, videoHeight: height } = video;
  const [place, frame] = [video, finder].map((element) => element.getBoundingClientRect());
  const scale = Math.max(place.width / width, place.height / height);
  const side = (frame.width * 1.2) / scale;
  const middle = (start, size) => start + size / 2;
  const left = width / 2 + (middle(frame.x, frame.width) - middle(place.x, place.width)) / scale - side / 2;
  const top = height / 2 + (middle(frame.y, frame.height) - middle(place.y, place.height)) / scale - side / 2;
  const [x, y] = [Math.max(0, left), Math.max(0, top)];
  return { x, y, width: Math.min(width, left + side) - x, height: Math.min(height, top + side) - y };
}
