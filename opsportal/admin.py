"""People and groups in Django admin: every change of a user, a group or a right is audited."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User

from ops.admin import AuditedAdmin

admin.site.unregister((User, Group))


@admin.register(User)
class AuditedUserAdmin(AuditedAdmin, UserAdmin[User]):
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")
    fieldsets = (
        (None, {"fields": ("username", "password", "email")}),
        ("May", {"fields": ("is_active", "groups", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    filter_horizontal = ("groups",)

    def standing(self, object: User) -> dict[str, str]:
        """What gives rights."""
        flags = ("is_active", "is_staff", "is_superuser")
        groups = object.groups.order_by("name").values_list("name", flat=True)
        return {
            "groups": ", ".join(groups) or "none",
            "flags": ", ".join(flag for flag in flags if getattr(object, flag)) or "none",
        }


@admin.register(Group)
class AuditedGroupAdmin(AuditedAdmin, GroupAdmin):
    def standing(self, object: Group) -> dict[str, str]:
        """What its members may do."""
        held = object.permissions.values_list("content_type__app_label", "codename")
        return {"permissions": ", ".join(sorted(f"{app}.{name}" for app, name in held)) or "none"}
