"""Sign-in: who may come in, what they may do, and how they leave."""

from playwright.sync_api import Page, expect
from tests.browser.conftest import Visitor


def sign_in(page: Page, user: str, password: str) -> None:
    page.get_by_label("Name").fill(user)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def test_whoever_knows_the_password_comes_in_and_may_leave(visit: Visitor) -> None:
    reader = visit("sign-in")
    page = reader.open("/cameras/kista-03")
    expect(page.locator("h1")).to_have_text("Sign in")
    expect(page.get_by_label("Name")).to_be_focused()
    assert not [asked for asked in reader.node.asked if "/api/site" in asked]
    sign_in(page, "ada", "lovelace")
    expect(page.locator("h1")).to_have_text("Stationsplein, north-east")
    expect(page.locator(".role")).to_contain_text("ada")
    expect(page.locator(".role")).to_contain_text("technician")
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("Sign in")


def test_a_wrong_password_is_told_and_forgotten(visit: Visitor) -> None:
    reader = visit("sign-in")
    reader.expected.append("401")
    page = reader.open()
    sign_in(page, "ada", "wrong")
    expect(page.get_by_role("alert")).to_have_text("That name and password do not fit together.")
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.get_by_label("Name")).to_have_value("ada")


def test_a_viewer_sees_and_sets_nothing_up(visit: Visitor) -> None:
    page = visit("viewer").open("/cameras/kista-03")
    sign_in(page, "vera", "rubin")
    expect(page.locator(".role")).to_contain_text("viewer")
    expect(page.get_by_text("Setting up needs the role technician")).to_be_visible()


def test_a_session_that_ended_elsewhere_leads_to_the_sign_in(visit: Visitor) -> None:
    reader = visit("sign-in")
    reader.expected.append("401|ERR_|Failed to load")
    page = reader.open()
    sign_in(page, "ada", "lovelace")
    expect(page.locator("article")).to_have_count(4)
    reader.context.clear_cookies()
    reader.node.silent = True  # the stream ends, as it does when a session does
    page.wait_for_timeout(600)
    reader.node.silent = False
    expect(page.locator("h1")).to_have_text("Sign in")
