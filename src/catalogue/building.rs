//! Buildings: where broadcasters are, and what operators can be limited to.

use super::database::Row;
use super::id::BuildingId;
use super::slug;
use super::{Catalogue, Error, taken};
use media::time::WallTime;

/// Where broadcasters are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Building {
    /// Names it for ever.
    pub id: BuildingId,
    /// What people call it; unique.
    pub title: String,
}

/// What keeps a building from being removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inside {
    /// Broadcasters that are there: slug and title, by slug.
    pub broadcasters: Vec<(String, String)>,
    /// Names of operators who are limited to it and perhaps to others, by name. Whoever may not sign in now may again later.
    pub operators: Vec<String>,
}

impl Inside {
    /// Whether nothing is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.broadcasters.is_empty() && self.operators.is_empty()
    }

    /// All of it by name, for people: `amphi-3, lab; Zoé, Paul`.
    #[must_use]
    pub fn named(&self) -> String {
        let broadcasters: Vec<&str> = self.broadcasters.iter().map(|(slug, _)| slug.as_str()).collect();
        let parts = [broadcasters.join(", "), self.operators.join(", ")];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    }
}

/// An operator of all buildings is in none, and what others had as operators means nothing.
const LIMITED: &str = "SELECT p.name AS name FROM operator_buildings b \
     JOIN people p ON p.tenant_id = b.tenant_id AND p.id = b.person_id \
     WHERE b.tenant_id = $1 AND b.building_id = $2 AND p.role = 'operator' AND NOT p.everywhere ORDER BY p.name";

fn building(row: &Row) -> Result<Building, Error> {
    Ok(Building { id: row.parsed("id")?, title: row.text("title")? })
}

impl Catalogue {
    /// All buildings, by title.
    ///
    /// # Errors
    /// `Database`.
    pub async fn buildings(&self) -> Result<Vec<Building>, Error> {
        let statement = self.statement("SELECT id, title FROM buildings WHERE tenant_id = $1 ORDER BY title");
        self.database.rows(statement).await?.iter().map(building).collect()
    }

    /// The building with this id; `None`: there is none.
    ///
    /// # Errors
    /// `Database`.
    pub async fn building(&self, id: &BuildingId) -> Result<Option<Building>, Error> {
        let statement = self.statement("SELECT id, title FROM buildings WHERE tenant_id = $1 AND id = $2");
        self.database.row(statement.bind(id.as_str())).await?.as_ref().map(building).transpose()
    }

    /// One more building, without broadcasters.
    ///
    /// # Errors
    /// `Taken("building")`, `Invalid`, `Database`.
    pub async fn add_building(&self, title: &str, now: WallTime) -> Result<Building, Error> {
        let building = Building { id: BuildingId::random()?, title: slug::title("title", title)? };
        let statement = self
            .statement("INSERT INTO buildings (tenant_id, id, title, created_ms) VALUES ($1, $2, $3, $4)")
            .bind(building.id.as_str())
            .bind(building.title.as_str())
            .bind(now.millis());
        taken(self.database.execute(statement).await, "building")?;
        Ok(building)
    }

    /// Gives a building another name; whoever and whatever is in it stays.
    ///
    /// # Errors
    /// `NotFound`, `Taken("building")`, `Invalid`, `Database`.
    pub async fn rename_building(&self, id: &BuildingId, title: &str) -> Result<Building, Error> {
        let building = Building { id: id.clone(), title: slug::title("title", title)? };
        let statement = self
            .statement("UPDATE buildings SET title = $3 WHERE tenant_id = $1 AND id = $2")
            .bind(id.as_str())
            .bind(building.title.as_str());
        match taken(self.database.execute(statement).await, "building")? {
            0 => Err(Error::NotFound("building")),
            _ => Ok(building),
        }
    }

    /// What is in a building.
    ///
    /// # Errors
    /// `Database`.
    pub async fn inside_building(&self, id: &BuildingId) -> Result<Inside, Error> {
        let broadcasters = self.statement(
            "SELECT slug, title FROM broadcasters \
             WHERE tenant_id = $1 AND building_id = $2 AND deleted_ms IS NULL ORDER BY slug",
        );
        let broadcasters = self.database.rows(broadcasters.bind(id.as_str())).await?;
        let operators = self.database.rows(self.statement(LIMITED).bind(id.as_str())).await?;
        Ok(Inside {
            broadcasters: broadcasters
                .iter()
                .map(|row| Ok((row.text("slug")?, row.text("title")?)))
                .collect::<Result<_, Error>>()?,
            operators: operators.iter().map(|row| row.text("name")).collect::<Result<_, _>>()?,
        })
    }

    /// Removes a building in which nothing is. Recordings of broadcasters that were there and are removed are then in none: for
    /// operators of all buildings.
    ///
    /// # Errors
    /// `NotFound`, `Database`; `Conflict`: see [`Self::inside_building`].
    pub async fn remove_building(&self, id: &BuildingId) -> Result<(), Error> {
        let mut tx = self.database.begin().await?;
        let known = self.statement("SELECT id FROM buildings WHERE tenant_id = $1 AND id = $2");
        if tx.row(known.bind(id.as_str())).await?.is_none() {
            return Err(Error::NotFound("building"));
        }
        let broadcasters = "SELECT id FROM broadcasters \
                            WHERE tenant_id = $1 AND building_id = $2 AND deleted_ms IS NULL LIMIT 1";
        for inside in [broadcasters, LIMITED] {
            if tx.row(self.statement(inside).bind(id.as_str())).await?.is_some() {
                return Err(Error::Conflict("there are broadcasters in it, or operators who are limited to it"));
            }
        }
        for sql in [
            "UPDATE broadcasters SET building_id = NULL WHERE tenant_id = $1 AND building_id = $2",
            "DELETE FROM operator_buildings WHERE tenant_id = $1 AND building_id = $2",
            "DELETE FROM buildings WHERE tenant_id = $1 AND id = $2",
        ] {
            tx.execute(self.statement(sql).bind(id.as_str())).await?;
        }
        tx.commit().await
    }
}
