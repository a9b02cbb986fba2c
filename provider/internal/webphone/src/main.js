// The web phone: what mobile-sim does, for people, in a browser.

import { define, go, start } from './router.js';
import { home } from './screens/home.js';
import { problem } from './screens/problem.js';

define('home', home, { lasting: true });
define('problem', problem);

start(document.getElementById('app'));
go('home');
