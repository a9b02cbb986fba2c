<?php
$sub = $_SERVER['OIDC_CLAIM_sub']; // Apache has seen to it: nobody else gets here
$phone = $_SERVER['OIDC_CLAIM_phone_number'];
?>
<!doctype html>
<title>The site</title>
<p>You are <code><?= htmlspecialchars($sub) ?></code> <code><?= htmlspecialchars($phone) ?></code></p>
<p><a href="/logout">Log out</a></p>
