<?php
// Not run by a test; see README.md.
require __DIR__ . '/vendor/autoload.php';

[$issuer, $site] = [getenv('ISSUER'), getenv('SITE')]; // https://login.example, https://site.example
session_start(['cookie_secure' => true, 'cookie_httponly' => true, 'cookie_samesite' => 'Lax']);

$oidc = new Jumbojett\OpenIDConnectClient($issuer, getenv('CLIENT_ID'), getenv('CLIENT_SECRET'));
$oidc->setRedirectURL("$site/callback");
$oidc->addScope(['phone']);
$oidc->setCodeChallengeMethod('S256');

function go(string $to): never
{
    header("Location: $to", true, 303);
    exit;
}

switch ($_SERVER['REQUEST_METHOD'] . ' ' . strtok($_SERVER['REQUEST_URI'], '?')) {
case 'GET /':
    if (!isset($_SESSION['sub'])) {
        go('/login');
    }
    echo '<!doctype html><title>The site</title>
<p>You are <code>', htmlspecialchars($_SESSION['sub']), '</code> <code>', htmlspecialchars($_SESSION['phone']), '</code></p>
<form method="post" action="/logout"><button>Log out</button></form>';
    break;

case 'GET /login':
    $oidc->authenticate(); // sends the visitor away
    break;

case 'GET /callback':
    try {
        if (($_GET['iss'] ?? '') !== $issuer || !$oidc->authenticate()) {
            throw new Exception('the answer is not to our request');
        }
    } catch (Exception $e) { // also when the person declined
        error_log($e->getMessage());
        http_response_code(403);
        exit('You are not logged in.');
    }
    session_regenerate_id(true); // nobody knows the new one from before
    $_SESSION['sub'] = $oidc->getVerifiedClaims('sub');
    $_SESSION['phone'] = $oidc->getVerifiedClaims('phone_number');
    $_SESSION['id_token'] = $oidc->getIdToken();
    go('/');

case 'POST /logout':
    if (($_SERVER['HTTP_SEC_FETCH_SITE'] ?? '') !== 'same-origin') { // no other site logs anybody out
        go('/');
    }
    $hint = $_SESSION['id_token'] ?? '';
    $_SESSION = [];
    session_destroy();
    $oidc->signOut($hint, "$site/"); // sends the visitor away
    break;

default:
    http_response_code(404);
}
