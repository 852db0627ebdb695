"""Users and groups in Django admin; every change of a user, group or permission is audited."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.forms import CheckboxSelectMultiple

from ops.admin import AuditedAdmin

admin.site.unregister((User, Group))

# Django's two boxes side by side cannot be used with a screen reader.
TICKED = CheckboxSelectMultiple


@admin.register(User)
class AuditedUserAdmin(AuditedAdmin, UserAdmin[User]):
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")
    fieldsets = (
        (None, {"fields": ("username", "password", "email")}),
        ("Permissions", {"fields": ("is_active", "groups", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Show groups as checkboxes."""
        return super().formfield_for_manytomany(db_field, request, widget=TICKED, **kwargs)

    def standing(self, object: User) -> dict[str, str]:
        """Return everything about a user that grants permissions."""
        flags = ("is_active", "is_staff", "is_superuser")
        groups = object.groups.order_by("name").values_list("name", flat=True)
        return {
            "groups": ", ".join(groups) or "none",
            "flags": ", ".join(flag for flag in flags if getattr(object, flag)) or "none",
        }


@admin.register(Group)
class AuditedGroupAdmin(AuditedAdmin, GroupAdmin):
    filter_horizontal = ()

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        """Show permissions as checkboxes."""
        return super().formfield_for_manytomany(db_field, request, widget=TICKED, **kwargs)

    def standing(self, object: Group) -> dict[str, str]:
        """Return the permissions of a group."""
        held = object.permissions.values_list("content_type__app_label", "codename")
        return {"permissions": ", ".join(sorted(f"{app}.{name}" for app, name in held)) or "none"}
