"""The dashboard's forms: a field that takes one of a few words names them when it refuses."""

import inspect
from importlib import import_module
from pkgutil import iter_modules

import pytest
from django import forms

from opsportal import dashboard

MANY = 20  # of more words a refusal names some
MODULES = [
    import_module(f"{dashboard.__name__}.{each.name}")
    for each in iter_modules(dashboard.__path__)
    if each.name.endswith(("_form", "_forms"))
]
FIELDS = {
    f"{form.__name__}.{name}": field
    for module in MODULES
    for _, form in inspect.getmembers(module, inspect.isclass)
    if issubclass(form, forms.Form) and form.__module__ == module.__name__
    for name, field in form.base_fields.items()
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.MultipleChoiceField)
}


@pytest.mark.parametrize("name", FIELDS)
def test_it_names_the_words_that_a_field_takes(name: str) -> None:
    field = FIELDS[name]
    words = [str(word) for word, _ in field.widget.choices if word]
    with pytest.raises(forms.ValidationError) as refusal:
        field.clean("burning" * 50)
    said = " ".join(refusal.value.messages)
    named = [word for word in words if word in said]
    assert named == words if len(words) < MANY else named
    assert len(said) < 300
    assert [field.clean(word) for word in words] == words
