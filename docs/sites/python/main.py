import os
from urllib.parse import urlencode

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, render_template_string, request, session

ISSUER, SITE = os.environ["ISSUER"], os.environ["SITE"]  # https://login.example, https://site.example

app = Flask(__name__)
app.secret_key = os.environ["SESSION_KEY"]  # Flask signs the visitor's session with it
app.config.update(SESSION_COOKIE_SECURE=True, SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax")

provider = OAuth(app).register(
    "provider",
    server_metadata_url=ISSUER + "/.well-known/openid-configuration",
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    client_kwargs={"scope": "openid phone", "code_challenge_method": "S256"},
)

PAGE = """<!doctype html><title>The site</title>
<p>You are <code>{{ sub }}</code> <code>{{ phone }}</code></p>
<form method="post" action="/logout"><button>Log out</button></form>"""


@app.get("/")
def home():
    if "sub" not in session:
        return redirect("/login")
    return render_template_string(PAGE, **session)


@app.get("/login")
def login():
    return provider.authorize_redirect(SITE + "/callback")


@app.get("/callback")
def callback():
    if request.args.get("iss") != ISSUER:
        return "This answer is not to your request. Go back and try again.", 400
    try:
        token = provider.authorize_access_token()
    except OAuthError:  # also when the person declined
        return "You are not logged in.", 403
    claims = token["userinfo"]  # of the ID token, which is verified
    session.clear()
    session.update(sub=claims["sub"], phone=claims.get("phone_number"), id_token=token["id_token"])
    return redirect("/")


@app.post("/logout")
def logout():
    if request.headers.get("Sec-Fetch-Site") != "same-origin":  # no other site logs anybody out
        return redirect("/")
    hint = session.get("id_token", "")
    session.clear()
    end = provider.load_server_metadata()["end_session_endpoint"]
    return redirect(end + "?" + urlencode({"id_token_hint": hint, "post_logout_redirect_uri": SITE + "/"}))


if __name__ == "__main__":
    app.run("localhost", int(os.environ["PORT"]))  # for trying out; a WSGI server runs `main:app`
