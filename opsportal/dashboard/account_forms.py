"""Forms of a person's own account."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordResetForm
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ops.accounts.actions import Code, parse_code
from opsportal.dashboard.clock import zone_names
from opsportal.dashboard.fields import or_refuse
from opsportal.throttling import RESET_MAILS


class CodeField(forms.CharField):
    """A code that the bot sent."""

    def clean(self, value: Any) -> Code:
        found: Code = or_refuse(parse_code, super().clean(value))
        return found


class CodeForm(forms.Form):
    """The code that links a Slack account to the user who enters it."""

    code = CodeField(
        max_length=40,
        help_text="such as K7QM-4RTD",
        widget=forms.TextInput({"autocomplete": "one-time-code", "spellcheck": "false"}),
    )


class ResetForm(PasswordResetForm):
    """Limits the e-mails sent to a user, no matter who requests them."""

    def get_users(self, email: str) -> Iterator[Any]:
        """Return the users who get a link.

        Mails are counted per user, because an address can be written in many ways.
        """
        return (user for user in super().get_users(email) if RESET_MAILS.count(user.pk))


class LongSelect(forms.Select):
    """A list of hundreds of choices; Django's own renders a template for each, 20 ms in all."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chosen = ((key, " selected" if key == value else "", text) for key, text in self.choices)
        options = format_html_join("", '<option value="{}"{}>{}</option>', chosen)
        tag = flatatt(self.build_attrs({"name": name}, attrs))
        return format_html("<select{}>{}</select>", tag, options)


class ZoneForm(forms.Form):
    """The time zone shown beside UTC."""

    zone = forms.ChoiceField(
        choices=[(name, name) for name in zone_names()],
        widget=LongSelect,
        error_messages={
            "invalid_choice": "This is not a time zone. Choose one from the list, "
            "such as Europe/Berlin or UTC."
        },
    )
