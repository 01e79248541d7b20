"""Health endpoints, and the few ways in which every page asks for its command."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db import models
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_safe

from apps.core import health
from apps.core.commands import demand
from apps.core.errors import Invalid


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """This web process answers."""
    return JsonResponse({"live": True})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Each part's state; 503 when the portal can't do its work."""
    report = health.as_json(health.parts())
    return JsonResponse(report, status=200 if report["ready"] else 503)


def form_page(
    request: HttpRequest,
    form: forms.BaseForm,
    ask: Callable[[dict[str, Any]], Any],
    *,
    template: str,
    then: str | Callable[[Any], str],
    said: str | Callable[[Any], str] = "",
    **context: Any,
) -> HttpResponse:
    """Show the form; once it is filled, ask for one command, say what happened and go on to `then`.

    Invalid input comes back on the form with status 422 and nothing typed is lost.
    """
    if request.method == "POST" and form.is_valid():
        try:
            result = ask(form.cleaned_data)
        except Invalid as error:
            _put_back(form, error)
        else:
            if words := said(result) if callable(said) else said:
                messages.success(request, words)
            return redirect(own_address(request.POST.get("next", "")) or (then(result) if callable(then) else then))
    status = 422 if form.errors else 200
    return render(request, template, {"form": form, **context}, status=status)


def act(
    request: HttpRequest,
    ask: Callable[[], Any],
    *,
    then: str | Callable[[Any], str],
    said: str | Callable[[Any], str] = "",
    otherwise: str = "",
) -> HttpResponse:
    """Ask for one command from a button, say what happened and go on to `then`; where it can't be, to `otherwise`.

    Both are addresses, or names of addresses without arguments; without `otherwise` both ways lead to `then`.
    """
    try:
        result = ask()
    except Invalid as error:
        messages.error(request, str(error))
        return redirect(otherwise or str(then))
    if words := said(result) if callable(said) else said:
        messages.success(request, words)
    return redirect(then(result) if callable(then) else then)


def act_with_reason(
    request: HttpRequest,
    form: forms.Form,
    ask: Callable[[str], Any],
    *,
    event: str,
    target: models.Model,
    then: str,
    said: str,
) -> HttpResponse:
    """Ask for one command that only needs a reason, from a button that asked for it; then go on to `then`.

    `event` and `target` are the command's: whoever may not ask for it is refused before their typing is judged.
    """
    if not form.is_valid():
        actor: Any = request.user
        demand(event, by=actor, target=target)
        messages.error(request, "Nothing was done: say why, in a sentence of at most 500 characters.")
        return redirect(then)
    return act(request, lambda: ask(form.cleaned_data["reason"]), then=then, said=said)


def typed_in(request: HttpRequest) -> QueryDict | None:
    """What was sent, for a bound form, also where it was nothing; None where the form is only opened."""
    return request.POST if request.method == "POST" else None


def picture(body: bytes) -> HttpResponse:
    """A PNG as what it is and nothing else, kept by nobody; every answer forbids to guess another kind."""
    response = HttpResponse(body, content_type="image/png")
    response["Content-Security-Policy"] = "sandbox; default-src 'none'; frame-ancestors 'none'"
    return response


def _put_back(form: forms.BaseForm, error: Invalid) -> None:
    for field, words in error.fields.items():
        form.add_error(field if field in form.fields else None, words)
    if not error.fields:
        form.add_error(None, str(error))


def own_address(typed: str) -> str:
    """The address if it is a path of ours, else nothing; a bare word could name a view, so a path begins with one /."""
    is_path = typed.startswith("/") and not typed.startswith("//")
    return typed if is_path and url_has_allowed_host_and_scheme(typed, allowed_hosts=None) else ""
